! Runs model.pt through FTorch (https://github.com/Cambridge-ICCS/FTorch), which has to be
! installed: it brings libtorch, with its GPUs, into a Fortran program. Older versions of FTorch also
! want the order of the dimensions, here [1, 2], before the device of an array. The tests of this
! repository do not compile this program, as they have no FTorch.
program run_ftorch
   use, intrinsic :: iso_fortran_env, only: real64
   use ftorch, only: torch_delete, torch_kCPU, torch_model, torch_model_forward, torch_model_load, &
      torch_tensor, torch_tensor_from_array
   implicit none
   integer, parameter :: n_inputs = 16, n_outputs = 4, n_samples = 64
   ! The samples come first, as for torch; the tensors look at these arrays, nothing is copied.
   real(real64), target :: inputs(n_samples, n_inputs), outputs(n_samples, n_outputs)
   type(torch_model) :: model
   type(torch_tensor) :: input_tensors(1), output_tensors(1)

   call torch_model_load(model, 'model.pt', torch_kCPU)
   call torch_tensor_from_array(input_tensors(1), inputs, torch_kCPU)
   call torch_tensor_from_array(output_tensors(1), outputs, torch_kCPU)
   inputs = 1.0_real64  ! physical units, in the order of the model card
   call torch_model_forward(model, input_tensors, output_tensors)
   print *, outputs(1, :)
   call torch_delete(input_tensors)
   call torch_delete(output_tensors)
   call torch_delete(model)
end program run_ftorch
